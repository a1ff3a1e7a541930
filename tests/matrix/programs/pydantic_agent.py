"""Pydantic AI: python pydantic_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset


async def main() -> None:
    agent = Agent("openai-chat:gpt-5.5", toolsets=[MCPToolset(sys.argv[1])])
    async with agent:
        print((await agent.run("Fill in the form that is open.")).output)


asyncio.run(main())
