"""`python -m otel_llm.workers FD`: a worker, whose end of the line to its supervisor is an open file descriptor."""

from otel_llm.workers.worker import main

if __name__ == "__main__":
    main()
