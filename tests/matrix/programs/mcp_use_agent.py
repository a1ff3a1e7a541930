"""mcp-use: python mcp_use_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from langchain_openai import ChatOpenAI
from mcp_use import MCPAgent, MCPClient


async def main() -> None:
    client = MCPClient({"mcpServers": {"desk": {"url": sys.argv[1]}}})
    agent = MCPAgent(llm=ChatOpenAI(model="gpt-5.5"), client=client, max_steps=20)
    print(await agent.run("Fill in the form that is open."))
    await client.close_all_sessions()


asyncio.run(main())
