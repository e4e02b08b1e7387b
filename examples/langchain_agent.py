"""An agent of LangChain's with a tool."""

from __future__ import annotations

from langchain.agents import create_agent


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


def main() -> None:
    """Ask."""
    agent = create_agent("openai:gpt-4o-mini", tools=[get_weather], system_prompt="Answer briefly.")
    result = agent.invoke({"messages": [{"role": "user", "content": "How is the weather in Potsdam?"}]})
    print(result["messages"][-1].content)


if __name__ == "__main__":
    main()
