// An HTTP/2 server over TLS in front of an HTTP/1.1 one: node bench/http2.mjs KEY CERT PORT
// Says its own port, and ends when its input does.
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { request } from "node:http";

const [key, cert, port] = process.argv.slice(2);
const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) });
const hops = new Set(["connection", "keep-alive", "transfer-encoding"]);
server.on("stream", (stream, headers) => {
  const asked = request({ port, host: "127.0.0.1", path: headers[":path"], agent: false }, answer => {
    const told = Object.entries(answer.headers).filter(([name]) => !hops.has(name));
    if (stream.closed) return;
    stream.respond({ ":status": answer.statusCode, ...Object.fromEntries(told) });
    answer.pipe(stream);
  });
  asked.on("error", () => stream.close());
  stream.on("error", () => asked.destroy());
  stream.on("close", () => asked.destroy());
  asked.end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
