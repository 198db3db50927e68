"""`run_server` as `fraudray serve` calls it, for life-cycle tests: FOLDER PORT [[MODULE:]BUILDER [MODEL_BUILDER]]."""

import sys
from pathlib import Path

from fraudray.deployments.launch import LaunchError, LaunchSettings, run_server


def main() -> int:
    """Serve, and print an error as the command line does."""
    folder, port, builder = Path(sys.argv[1]), int(sys.argv[2]), (sys.argv[3:] or ["build"])[0]
    model = f"lifecycle_app:{sys.argv[4]}" if sys.argv[4:] else None
    settings = LaunchSettings(
        data_dir=folder,
        port=port,
        app=builder if ":" in builder else f"lifecycle_app:{builder}",
        llm_app=model,
        env={"PYTHONPATH": str(Path(__file__).parent), "FRAUDRAY_DATA_DIR": str(folder)},
    )
    try:
        return run_server(settings, on_ready=lambda url: print("READY", url, flush=True))
    except LaunchError as error:
        print(f"error: {error.message}", *error.details, error.hint, sep="\n", flush=True)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
