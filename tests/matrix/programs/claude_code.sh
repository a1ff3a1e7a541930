# Claude Code, without a person: sh claude_code.sh http://127.0.0.1:8750/mcp
cat > mcp.json <<END
{"mcpServers": {"desk": {"type": "http", "url": "$1"}}}
END
claude -p "Fill in the form that is open." --mcp-config mcp.json --allowedTools mcp__desk
