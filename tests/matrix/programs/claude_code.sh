# Claude Code, without a person: sh claude_code.sh http://127.0.0.1:8750/mcp
gloveport config claude-code --write --name desk --url "$1"
claude -p "Fill in the form that is open." --allowedTools mcp__desk
