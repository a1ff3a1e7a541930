"""Claude Agent SDK: python claude_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from claude_agent_sdk import ClaudeAgentOptions, query

OPTIONS = ClaudeAgentOptions(
    mcp_servers={"desk": {"type": "http", "url": sys.argv[1]}},
    allowed_tools=["mcp__desk"],
    setting_sources=[],
)


async def main() -> None:
    async for message in query(prompt="Fill in the form that is open.", options=OPTIONS):
        print(message)


asyncio.run(main())
