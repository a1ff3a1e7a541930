# Qwen Code, without a person: sh qwen_code.sh http://127.0.0.1:8750/mcp
mkdir -p ~/.qwen
cat > ~/.qwen/settings.json <<END
{"security": {"auth": {"selectedType": "openai"}},
 "general": {"enableAutoUpdate": false, "disableAutoUpdate": true, "disableUpdateNag": true},
 "privacy": {"usageStatisticsEnabled": false}}
END
gloveport config qwen-code --write --name desk --url "$1"
qwen --approval-mode yolo --auth-type openai -m qwen3-vl-plus -p "Fill in the form that is open."
