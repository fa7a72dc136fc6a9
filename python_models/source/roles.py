"""Who speaks: the names that vendors give to the user, the assistant, the system and the tools."""

from __future__ import annotations

# Compared in small letters, spaces and hyphens as underscores, marks such as "### User:" taken off.
ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "customer", "client", "usr", "instruction", "question"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bard", "bing", "model", "bot", "ai", "chatbot"), "assistant"),
    **dict.fromkeys(("claude", "llm", "agent", "asst", "ai_assistant", "gpt4", "gpt_4", "gpt_3.5_turbo"), "assistant"),
    **dict.fromkeys(("response", "answer", "aimessage", "aimessagechunk", "gemini", "llama"), "assistant"),
    **dict.fromkeys(("system", "developer", "system_prompt", "system_message", "systemmessage", "sys"), "system"),
    **dict.fromkeys(("thought", "thoughts", "thinking", "think", "reasoning", "reasoning_content"), "thought"),
    **dict.fromkeys(
        ("tool", "function", "observation", "ipython", "environment", "tool_result", "tool_results"), "tool"
    ),
    **dict.fromkeys(
        (
            "tool_response",
            "tool_responses",
            "function_response",
            "function_responses",
            "tool_output",
            "function_call_output",
        ),
        "tool",
    ),
    **dict.fromkeys(("function_result", "toolmessage", "functionmessage", "execution", "code_output"), "tool"),
    **dict.fromkeys(("function_call", "tool_call", "tool_calls", "function_calls", "tool_use"), "call"),
    **dict.fromkeys(("server_tool_use", "custom_tool_call"), "call"),
    "humanmessage": "user",
}
# Fields of an object without a role that is one exchange: what the user says in several fields is joined.
PAIR_FIELDS = {
    **dict.fromkeys(("system", "system_prompt", "sys"), "system"),
    **dict.fromkeys(("human", "user", "instruction", "prompt", "question", "query", "input"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "output", "response", "completion", "answer", "chatgpt"), "assistant"),
    **dict.fromkeys(("model", "ai", "chatbot"), "assistant"),
}


def find_role(name: str) -> str | None:
    """Find the role (user, assistant, system, tool, call or thought) that a name stands for; None if it is unknown."""
    role = ROLES.get(name)
    return role or ROLES.get(name.strip(" \t\r\n#:<>|[]*").lower().replace(" ", "_").replace("-", "_"))
