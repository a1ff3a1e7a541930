# opencode, without a person: sh opencode.sh http://127.0.0.1:8750/mcp
cat > opencode.json <<END
{"\$schema": "https://opencode.ai/config.json",
 "autoupdate": false, "share": "disabled",
 "model": "mine/scripted",
 "provider": {"mine": {"npm": "@ai-sdk/openai-compatible", "name": "mine",
   "options": {"baseURL": "$OPENAI_BASE_URL", "apiKey": "$OPENAI_API_KEY"},
   "models": {"scripted": {"name": "scripted", "attachment": true, "tool_call": true,
     "modalities": {"input": ["text", "image"], "output": ["text"]}}}}},
 "mcp": {"desk": {"type": "local", "command": ["gloveport", "stdio", "--url", "$1"]}}}
END
opencode run "Fill in the form that is open."
