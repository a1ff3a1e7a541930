// MCP Inspector's command line: node inspector.mjs http://127.0.0.1:8750/mcp '[[["screenshot", {}]]]'
// Each call is a process of its own; each answer is printed as a line.
import { spawnSync } from "node:child_process";

const [url, turns] = process.argv.slice(2);
for (const [name, args] of JSON.parse(turns).flat()) {
  const pairs = Object.entries(args).map(([key, value]) =>
    ["--tool-arg", `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`]);
  const done = spawnSync("mcp-inspector",
    ["--cli", url, "--method", "tools/call", "--tool-name", name, ...pairs.flat()],
    { encoding: "utf8", maxBuffer: 1 << 26 });
  if (!done.stdout) throw new Error(done.stderr);
  console.log(JSON.stringify(JSON.parse(done.stdout)));
}
