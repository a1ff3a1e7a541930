// MCP TypeScript SDK v2: node ts_sdk_v2.mjs http://127.0.0.1:8750/mcp '[[["screenshot", {}]]]'
// The calls of a turn are made at once; each answer is printed as a line.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, turns] = process.argv.slice(2);
const desk = new Client({ name: "clerk", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
await desk.connect(new StreamableHTTPClientTransport(new URL(url)));
for (const turn of JSON.parse(turns)) {
  const calls = turn.map(([name, args]) => desk.callTool({ name, arguments: args }));
  for (const answer of await Promise.all(calls)) console.log(JSON.stringify(answer));
}
await desk.close();
