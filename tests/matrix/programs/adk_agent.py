"""Google's Agent Development Kit: python adk_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StreamableHTTPConnectionParams


async def main() -> None:
    desk = McpToolset(connection_params=StreamableHTTPConnectionParams(url=sys.argv[1]))
    agent = LlmAgent(name="clerk", model="gemini-2.5-flash", tools=[desk])
    runner = InMemoryRunner(agent=agent)
    for event in await runner.run_debug("Fill in the form that is open."):
        print(event.content)
    await desk.close()


asyncio.run(main())
