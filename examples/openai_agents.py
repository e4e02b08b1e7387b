"""An agent of OpenAI's agents SDK with a tool."""

from __future__ import annotations

from agents import Agent, Runner, function_tool, set_default_openai_api


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


def main() -> None:
    """Ask."""
    set_default_openai_api("chat_completions")
    agent = Agent(name="weather", instructions="Answer briefly.", model="gpt-4o-mini", tools=[get_weather])
    print(Runner.run_sync(agent, "How is the weather in Potsdam?").final_output)


if __name__ == "__main__":
    main()
