"""`python -m otel_llm` is `otel-llm`."""

from otel_llm.cli import main

if __name__ == "__main__":
    main()
