"""Where things are, and the random models, which are made when they are first wanted."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BANYAN = ROOT / "build/release/src/banyan"
FOLDER = ROOT / "build/compare"
SHAPES = ("full", "hybrid", "window")


def random_model(shape: str = "full") -> Path:
    """A model of half a billion random parameters; make_model.py says of which shapes."""
    path = FOLDER / f"random-{shape}-q4_0.gguf"
    if not path.exists():
        print(f"compare: making {path} (once; half a minute)", flush=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        maker = Path(__file__).with_name("make_model.py")
        subprocess.run([sys.executable, "-B", maker, path, "--shape", shape], check=True)
    return path
