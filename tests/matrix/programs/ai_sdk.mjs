// Vercel AI SDK: node ai_sdk.mjs http://127.0.0.1:8750/mcp
import { createMCPClient } from "@ai-sdk/mcp";
import { openai } from "@ai-sdk/openai";
import { generateText, isStepCount } from "ai";

const desk = await createMCPClient({ transport: { type: "http", url: process.argv[2] } });
const { text } = await generateText({
  model: openai("gpt-5.5"),
  tools: await desk.tools(),
  stopWhen: isStepCount(20),
  prompt: "Fill in the form that is open.",
});
console.log(text);
await desk.close();
