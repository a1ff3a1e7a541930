"""OpenAI Agents SDK: python openai_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from agents import Agent, Runner
from agents.mcp import MCPServerStreamableHttp


async def main() -> None:
    async with MCPServerStreamableHttp({"url": sys.argv[1]}) as desk:
        agent = Agent("Clerk", mcp_servers=[desk])
        print((await Runner.run(agent, "Fill in the form that is open.")).final_output)


asyncio.run(main())
