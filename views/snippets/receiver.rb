# A receiver in Ruby. WEBrick comes with Debian's Ruby; elsewhere: gem install webrick
#
#   WEBHOOK_SECRET='…' PORT=8081 ruby receiver.rb
require "fileutils"
require "openssl"
require "webrick"

SECRET = ENV.fetch("WEBHOOK_SECRET", "")
abort "Set WEBHOOK_SECRET. Without a secret, a signature proves nothing." if SECRET.empty?
AN_ID = /\A[0-9A-Z]{26}\z/ # it becomes a file's name, and X-Signature-256 does not cover it
LONGEST = 1 << 20

def receive(request)
  length = request["Content-Length"].to_s
  return 413 unless /\A[0-9]{1,7}\z/.match?(length) && length.to_i <= LONGEST

  body = request.body.to_s
  return 401 unless genuine?(body, request["X-Signature-256"].to_s)

  id = request["webhook-id"].to_s
  return 400 unless AN_ID.match?(id)

  keep(id, body)
  204 # answer first, work later
end

def genuine?(body, signature)
  want = "sha256=#{OpenSSL::HMAC.hexdigest("SHA256", SECRET, body)}"
  OpenSSL.secure_compare(want, signature) # takes as long wherever they differ
end

def keep(id, body)
  file = "inbox/#{id}.json"
  return if File.exist?(file) # a repeat

  File.binwrite("#{file}.part", body)
  File.rename("#{file}.part", file)
end

FileUtils.mkdir_p("inbox")
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ENV.fetch("PORT", "0").to_i, AccessLog: [])
server.mount_proc("/") do |request, response|
  response.status = receive(request) # an exception is answered 500: Stackhook tries again
end
trap("TERM") { server.shutdown }
$stdout.puts "listens on http://127.0.0.1:#{server.listeners.first.addr[1]}"
$stdout.flush
server.start
