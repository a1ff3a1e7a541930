# opencode, without a person: sh opencode.sh http://127.0.0.1:8750/mcp
cat > opencode.json <<END
{"autoupdate": false, "share": "disabled",
 "model": "mine/scripted",
 "provider": {"mine": {"npm": "@ai-sdk/openai-compatible", "name": "mine",
   "options": {"baseURL": "$OPENAI_BASE_URL", "apiKey": "$OPENAI_API_KEY"},
   "models": {"scripted": {"name": "scripted", "attachment": true, "tool_call": true,
     "modalities": {"input": ["text", "image"], "output": ["text"]}}}}}}
END
gloveport config opencode --write --name desk --url "$1"
opencode run "Fill in the form that is open."
