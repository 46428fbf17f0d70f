// An identity provider for tests. It says where it listens on stdout, and ends when its stdin does.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import Provider from "oidc-provider";

let { redirect, inToken, secret } = JSON.parse(process.argv[1]);
const accounts = new Map();
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "stackhook", client_secret: secret, redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    conformIdTokenClaims: !inToken, // otherwise they are told only to whoever asks with the access token
    cookies: { keys: ["only for tests"] },
    findAccount: (_, id) => accounts.has(id) ? { accountId: id, claims: () => ({ ...accounts.get(id), sub: id }) } : undefined,
    pkce: { required: () => true },
  });
  provider.Client.prototype.redirectUriAllowed = (uri) => uri === redirect; // which a test may know only later
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    const [, what, name] = request.url.match(/^\/test\/(accounts|redirect)\/(.*)$/) ?? [];
    if (what === "accounts") {
      accounts.set(decodeURIComponent(name), JSON.parse(await text(request)));
      response.end();
    } else if (what === "redirect") {
      redirect = JSON.parse(await text(request));
      response.end();
    } else {
      answer(request, response);
    }
  });
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit());
