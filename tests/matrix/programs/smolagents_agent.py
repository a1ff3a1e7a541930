"""smolagents: python smolagents_agent.py http://127.0.0.1:8750/mcp"""

import sys

from mcp import StdioServerParameters
from smolagents import OpenAIModel, ToolCallingAgent, ToolCollection

DESK = StdioServerParameters(command="gloveport", args=["stdio", "--url", sys.argv[1]])

with ToolCollection.from_mcp(DESK, trust_remote_code=True) as desk:
    agent = ToolCallingAgent(tools=[*desk.tools], model=OpenAIModel("gpt-5.5"))
    print(agent.run("Fill in the form that is open."))
