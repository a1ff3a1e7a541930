"""AutoGen: python autogen_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

DESK = StdioServerParams(command="gloveport", args=["stdio", "--url", sys.argv[1]])


async def main() -> None:
    async with McpWorkbench(DESK) as desk:
        model = OpenAIChatCompletionClient(model="gpt-4.1")
        agent = AssistantAgent("clerk", model, workbench=desk, max_tool_iterations=20)
        print((await agent.run(task="Fill in the form that is open.")).messages[-1])


asyncio.run(main())
