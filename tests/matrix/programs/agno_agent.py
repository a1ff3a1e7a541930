"""Agno: python agno_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.tools.mcp import MCPTools


async def main() -> None:
    async with MCPTools(transport="streamable-http", url=sys.argv[1]) as desk:
        agent = Agent(model=OpenAIChat(id="gpt-5.5"), tools=[desk], telemetry=False)
        print((await agent.arun("Fill in the form that is open.")).content)


asyncio.run(main())
