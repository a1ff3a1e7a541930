// Vercel AI SDK: node ai_sdk.mjs http://127.0.0.1:8750/mcp
import { anthropic } from "@ai-sdk/anthropic";
import { createMCPClient } from "@ai-sdk/mcp";
import { generateText, isStepCount } from "ai";

const desk = await createMCPClient({ transport: { type: "http", url: process.argv[2] } });
const { text } = await generateText({
  model: anthropic("claude-opus-4-7"),
  tools: await desk.tools(),
  stopWhen: isStepCount(20),
  prompt: "Fill in the form that is open.",
});
console.log(text);
await desk.close();
