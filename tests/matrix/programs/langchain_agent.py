"""LangChain and LangGraph: python langchain_agent.py http://127.0.0.1:8750/mcp"""

import asyncio
import sys

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient

TASK = {"role": "user", "content": "Fill in the form that is open."}


async def main() -> None:
    desk = {"transport": "streamable_http", "url": sys.argv[1]}
    tools = await MultiServerMCPClient({"desk": desk}).get_tools()
    agent = create_agent("openai:gpt-5.5", tools)
    print((await agent.ainvoke({"messages": [TASK]}))["messages"][-1].content)


asyncio.run(main())
