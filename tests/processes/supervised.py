"""Supervises the programs named on the command line: `supervised.py FOLDER name=python-code …`; stops in that order."""

import asyncio
import os
import sys
from pathlib import Path

from agentflow.processes.console import Console
from agentflow.processes.programs import Program
from agentflow.processes.supervisor import Supervisor


async def main(folder: Path, codes: dict[str, str]) -> None:
    console = Console()
    supervisor = Supervisor(folder, console)
    supervisor.listen()
    for name, code in codes.items():
        arguments = (sys.executable, "-u", "-c", code)
        supervisor.keep(Program(name=name, arguments=arguments, environment=os.environ, grace_seconds=0.5))
    console.line("listening")
    await supervisor.stop_asked.wait()
    for name in codes:
        await supervisor.stop(name)
    await supervisor.stop()
    console.line("stopped")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:])))
