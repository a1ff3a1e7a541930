"""The clients of other people that are driven against ours, and what is known of each.

Each has a program in `programs/`, as its users would write it. What a row says of a client is what
every run has to see again: a client that comes to do better, or worse, is noticed.
"""

from dataclasses import dataclass
from typing import Literal

Pictures = Literal["intact", "recoded", "as text", "no"]
"""How the screen reaches the model: byte for byte, encoded anew, as base64 in text, or not."""
Errors = Literal["flagged", "in words", "no"]
"""How a refusal reaches the model: marked as an error, by its sentence alone, or not."""
Api = Literal["anthropic", "openai", "gemini", ""]


@dataclass(frozen=True, slots=True)
class Client:
    """A client and what it is known to do.

    Args:
        name: Of its program, its folder and its lock.
        title: What people call it.
        packages: What is installed; the first is the client itself.
        program: Its file in `programs/`.
        api: What its model speaks; none: the program makes the calls itself.
        wire: What its program connects by.
        prefix: What it puts before the names of tools.
        namespace: Where it puts tools, if its API has such.
        writes: The tool that its model writes programs for, which call the tools; none: it calls
            them itself.
        pictures: How the screen reaches the model.
        errors: How a refusal reaches the model.
        first_only: Whether it passes on only the first part of an answer: the picture, if any.
        recipe: What `gloveport config` calls it, if it has it.
        model: The model that its recipe is given, if that is a program.
        shares: The client whose folder and lock it uses too.
        quick: Whether it is installed and run by the default test run.
        commands: Where its commands are, as a pattern in its folder: packages that would put
            their program in its place while they are installed have it elsewhere.
        note: For people who use it.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    program: str
    api: Api
    wire: Literal["HTTP", "stdio"] = "HTTP"
    prefix: str = ""
    namespace: str = ""
    writes: str = ""
    pictures: Pictures = "intact"
    errors: Errors = "flagged"
    first_only: bool = False
    recipe: str = ""
    model: str = ""
    shares: str = ""
    quick: bool = False
    commands: str = "node_modules/.bin"
    note: str = ""

    @property
    def npm(self) -> bool:
        return not self.packages[0].partition("==")[1]

    @property
    def version(self) -> str:
        return self.packages[0].rpartition("==" if not self.npm else "@")[2]


CLIENTS = (
    Client(
        "claude-code", "Claude Code", ("@anthropic-ai/claude-code@2.1.332",), "claude_code.sh",
        "anthropic", "stdio", prefix="mcp__desk__",
        commands="node_modules/@anthropic-ai/claude-code-linux-*",
        quick=True, recipe="claude-code",
    ),
    Client(
        "claude-agent-sdk", "Claude Agent SDK", ("claude-agent-sdk==0.2.189",),
        "claude_agent.py", "anthropic", prefix="mcp__desk__",
    ),
    Client(
        "codex", "Codex CLI", ("@openai/codex@0.169.0",), "codex.sh", "openai", "stdio",
        prefix="mcp__desk__", writes="exec", errors="in words",
        note="Its model writes programs that call the tools and choose what to look at. Let "
        "`codex exec` wait for the tools: `-c mcp_servers.NAME.required=true`.",
        recipe="codex",
    ),
    Client(
        "codex-other-model", "Codex CLI, models it does not know", ("@openai/codex@0.169.0",),
        "codex_other_model.sh", "openai", "stdio", namespace="mcp__desk", errors="in words",
        shares="codex",
    ),
    Client(
        "gemini-cli", "Gemini CLI", ("@google/gemini-cli@0.61.0",), "gemini_cli.sh", "gemini",
        "stdio", prefix="mcp_desk_",
        recipe="gemini-cli",
    ),
    Client(
        "opencode", "opencode", ("opencode-ai@1.18.33",), "opencode.sh", "openai", "stdio",
        prefix="desk_", errors="in words", commands="node_modules/opencode-linux-*/bin",
        recipe="opencode",
    ),
    Client(
        "qwen-code", "Qwen Code", ("@qwen-code/qwen-code@0.24.4",), "qwen_code.sh", "openai",
        "stdio", prefix="mcp__desk__", errors="in words", recipe="qwen-code",
    ),
    Client(
        "copilot-cli", "Copilot CLI", ("@github/copilot@1.0.102",), "copilot.sh", "openai",
        "stdio", prefix="desk-", pictures="no", errors="in words",
        commands="node_modules/@github/copilot-linux-*", recipe="copilot-cli",
        note="Seen with a provider of one's own, which it sends no pictures to.",
    ),
    Client(
        "cline", "Cline CLI", ("cline@3.0.65",), "cline.sh", "openai", "stdio", prefix="desk__",
        pictures="no", errors="in words", commands="node_modules/@cline/cli-linux-*/bin",
        note="Its settings are `~/.cline/data/settings/cline_mcp_settings.json` (`--file`). Seen "
        "with a provider of one's own, which it sends no pictures to.",
    ),
    Client(
        "hermes-agent", "Hermes Agent", ("hermes-agent[mcp]==0.19.0",), "hermes.sh", "openai",
        "stdio", prefix="mcp_desk_", pictures="no", errors="in words", recipe="hermes-agent",
        commands="bin",
        note='Needs its extra `mcp`. Names a file in place of a picture: `screenshot: "text"`.',
    ),
    Client(
        "openai-agents", "OpenAI Agents SDK", ("openai-agents==0.24.0",), "openai_agent.py",
        "openai", errors="in words", quick=True, recipe="openai-agents", model="gpt-5.5",
    ),
    Client(
        "pydantic-ai", "Pydantic AI", ("pydantic-ai-slim[mcp,openai]==2.68.0",),
        "pydantic_agent.py", "openai", errors="in words",
        recipe="pydantic-ai", model="openai-chat:gpt-5.5",
    ),
    Client(
        "langchain", "LangChain / LangGraph",
        ("langchain-mcp-adapters==0.3.2", "langchain==1.5.2", "langgraph==1.2.24",
         "langchain-openai==1.7.4"),
        "langchain_agent.py", "openai", errors="in words",
        recipe="langchain", model="openai:gpt-5.5",
    ),
    Client(
        "ts-sdk-v1", "MCP TypeScript SDK v1", ("@modelcontextprotocol/sdk@1.32.2",),
        "ts_sdk_v1.mjs", "", quick=True,
    ),
    Client(
        "ts-sdk-v2", "MCP TypeScript SDK v2", ("@modelcontextprotocol/client@2.4.0",),
        "ts_sdk_v2.mjs", "", quick=True,
    ),
    Client(
        "mastra", "Mastra", ("@mastra/mcp@2.0.0", "@mastra/core@1.71.0"), "mastra.mjs", "", "stdio",
    ),
    Client(
        "ai-sdk", "Vercel AI SDK",
        ("@ai-sdk/mcp@2.0.99", "ai@7.0.173", "@ai-sdk/anthropic@4.0.105"), "ai_sdk.mjs",
        "anthropic", errors="in words", recipe="ai-sdk", model="claude-opus-4-7",
    ),
    Client(
        "inspector", "MCP Inspector (command line)", ("@modelcontextprotocol/inspector@2.12.0",),
        "inspector.mjs", "",
    ),
    Client(
        "agno", "Agno", ("agno==3.1.10", "openai", "fastmcp>=4,<5"), "agno_agent.py", "openai",
        errors="in words",
        recipe="agno", model="openai:gpt-5.5",
    ),
    Client(
        "mcp-use", "mcp-use", ("mcp-use==1.7.1", "langchain-openai"), "mcp_use_agent.py", "openai",
        errors="in words",
    ),
    Client(
        "adk", "Google ADK", ("google-adk[mcp]==2.13.0",), "adk_agent.py", "gemini",
        pictures="as text",
        recipe="adk", model="gemini-2.5-flash",
    ),
    Client(
        "llama-index", "LlamaIndex",
        ("llama-index-tools-mcp==0.6.0", "llama-index-llms-openai"), "llama_index_agent.py",
        "openai", pictures="as text", errors="in words",
        recipe="llamaindex", model="gpt-4.1",
    ),
    Client(
        "smolagents", "smolagents", ("smolagents[mcp,openai,litellm]==1.26.0", "mcp<2"),
        "smolagents_agent.py", "openai", "stdio", pictures="no", errors="in words",
        first_only=True,
        note='Needs `mcp<2`. Drops the words of an answer with a picture: `screenshot: "never"`.',
        recipe="smolagents", model="openai/gpt-5.5",
    ),
    Client(
        "autogen", "AutoGen",
        ("autogen-ext[openai,mcp]==0.7.5", "autogen-agentchat==0.7.5", "mcp<2"), "autogen_agent.py",
        "openai", "stdio", pictures="no", errors="in words", note="Needs `mcp<2`.",
        recipe="autogen", model="gpt-4.1",
    ),
    Client(
        "crewai", "CrewAI", ("crewai==1.15.30", "crewai-tools[mcp]==1.15.30"), "crewai_agent.py",
        "openai", "stdio", pictures="no", errors="in words",
        recipe="crewai", model="openai/gpt-5.5",
    ),
)  # fmt: skip
