// Mastra's MCP client: node mastra.mjs http://127.0.0.1:8750/mcp '[[["screenshot", {}]]]'
// The calls of a turn are made at once; each answer is printed as a line.
import { MCPClient } from "@mastra/mcp";

const [url, turns] = process.argv.slice(2);
const command = ["stdio", "--url", url];
const desk = new MCPClient({ servers: { desk: { command: "gloveport", args: command, env: process.env } } });
const tools = await desk.listTools();
for (const turn of JSON.parse(turns)) {
  const calls = turn.map(async ([name, args]) => {
    try {
      return await tools[`desk_${name}`].execute(args, {});
    } catch (refused) {
      return { error: refused.message };
    }
  });
  for (const answer of await Promise.all(calls)) console.log(JSON.stringify(answer));
}
await desk.disconnect();
