"""An agent of Pydantic AI's, which records its calls itself once it is told to."""

from __future__ import annotations

from pydantic_ai import Agent


def main() -> None:
    """Ask."""
    Agent.instrument_all()
    agent = Agent("openai-chat:gpt-4o-mini", instructions="Answer briefly.")

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        return f"It rains in {city}."

    print(agent.run_sync("How is the weather in Potsdam?").output)


if __name__ == "__main__":
    main()
