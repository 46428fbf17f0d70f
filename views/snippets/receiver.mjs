// A receiver in Node.js, with its own modules alone:
//
//   WEBHOOK_SECRET='…' PORT=8081 node receiver.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
  console.error("Set WEBHOOK_SECRET. Without a secret, a signature proves nothing.");
  process.exit(1);
}
const anID = /^[0-9A-Z]{26}$/; // it becomes a file's name, and X-Signature-256 does not cover it
const longest = 1 << 20;

mkdirSync("inbox", { recursive: true });
const server = createServer(async (request, response) => {
  try {
    response.writeHead(await receive(request)).end();
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(); // Stackhook tries again
  }
});
server.listen(process.env.PORT, "127.0.0.1", () => {
  console.log(`listens on http://127.0.0.1:${server.address().port}`);
});

async function receive(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= longest) chunks.push(chunk);
  }
  if (size > longest) return 413;
  const body = Buffer.concat(chunks); // its bytes: parsed and written again, it would differ
  if (!genuine(body, request.headers["x-signature-256"])) return 401;
  const id = request.headers["webhook-id"];
  if (!anID.test(id)) return 400;
  keep(id, body);
  return 204; // answer first, work later
}

function genuine(body, signature = "") {
  const want = Buffer.from("sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
  const got = Buffer.from(signature);
  return got.length === want.length && timingSafeEqual(got, want); // takes as long wherever they differ
}

function keep(id, body) {
  const file = `inbox/${id}.json`;
  if (existsSync(file)) return; // a repeat
  writeFileSync(`${file}.part`, body);
  renameSync(`${file}.part`, file);
}
