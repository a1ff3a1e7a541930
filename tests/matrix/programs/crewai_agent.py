"""CrewAI: python crewai_agent.py http://127.0.0.1:8750/mcp"""

import sys

from crewai import LLM, Agent, Crew, Task
from crewai_tools import MCPServerAdapter
from mcp import StdioServerParameters

DESK = StdioServerParameters(command="gloveport", args=["stdio", "--url", sys.argv[1]])

with MCPServerAdapter(DESK) as tools:
    clerk = Agent(
        role="Clerk", goal="Fill in forms", backstory="Careful.", tools=tools,
        llm=LLM(model="openai/gpt-5.5"),
    )  # fmt: skip
    task = Task(
        description="Fill in the form that is open.", expected_output="What was done.", agent=clerk
    )
    print(Crew(agents=[clerk], tasks=[task]).kickoff())
