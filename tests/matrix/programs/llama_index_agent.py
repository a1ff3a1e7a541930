"""LlamaIndex: python llama_index_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec


async def main() -> None:
    desk = McpToolSpec(client=BasicMCPClient(sys.argv[1]))
    agent = FunctionAgent(tools=await desk.to_tool_list_async(), llm=OpenAI("gpt-4.1"))
    print(await agent.run("Fill in the form that is open."))


asyncio.run(main())
