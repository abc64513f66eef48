"""From moving a slider to the picture of it, in a browser: milliseconds until 64 faces are redrawn.

    python benchmarks/slider_latency.py [--model drawn64] [--moves 300] [--json record.json]

The studio and a headless Chromium run on this machine, on the same cores. A time begins with the input event of the
slider Smiling on the page Generate, which shows 64 faces, and ends with the first frame after the canvas has been drawn
with the answer to just this move. Every move goes to a strength that was never asked for before, so nothing is cached,
and begins a moment after the one before it was drawn. Each time has parts: until the page asks, until the first byte of
the answer, until its last, and until it is seen.
"""

import argparse
import json
import random
import shutil
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from http_server import STUDIO, served

from facesmith import doctor
from facesmith.files import write_json

FACES, WARM_UP = 64, 20  # moves that are not counted
PAUSE = 120  # ms between moves
STRENGTHS = [hundredths / 100 for hundredths in range(-200, 201) if hundredths]  # as finely as the page asks
PARTS = ("ask", "first_byte", "last_byte", "see")
MOVE = """async ([value, pause]) => {
  const label = [...document.querySelectorAll(".slider label")].find((one) => one.textContent === "Smiling");
  const slider = document.getElementById(label.htmlFor), canvas = document.querySelector(".wall canvas");
  await new Promise((resolve) => setTimeout(resolve, pause));
  performance.clearResourceTimings();
  const drawn = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`nothing is drawn for ${value}`)), 10_000);
    const said = `Smiling%3A${value}&`;
    const seen = new MutationObserver(() => canvas.dataset.of.includes(said) && (seen.disconnect(), resolve()));
    seen.observe(canvas, { attributes: true, attributeFilter: ["data-of"] });
  });
  const began = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await drawn;
  await new Promise((resolve) => requestAnimationFrame(resolve));
  const ended = performance.now();
  const asked = performance.getEntriesByType("resource").filter((one) => one.name.includes("/generate?")).at(-1);
  const times = [began, asked.requestStart, asked.responseStart, asked.responseEnd, ended];
  return [ended - began, ...times.slice(1).map((time, at) => time - times[at])];
}"""


def measure(address: str, model: str, moves: int) -> tuple[list[list[float]], str]:
    """The milliseconds of every move and of its parts, and the browser's version."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium here: install Debian's package chromium")
    if not 0 < moves <= len(STRENGTHS) - WARM_UP:
        sys.exit(f"--moves is from 1 to {len(STRENGTHS) - WARM_UP}: no strength is asked for twice")
    random.Random(0).shuffle(values := list(STRENGTHS))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/?model={model}&count={FACES}&seed=1")
        page.wait_for_selector(".wall canvas[data-of]")
        page.get_by_label("Smiling", exact=True).evaluate("(slider) => { slider.step = 'any' }")
        rows = [page.evaluate(MOVE, [value, PAUSE]) for value in values[: WARM_UP + moves]]
        found = browser.version
        browser.close()
    return rows[WARM_UP:], found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="drawn64")
    parser.add_argument("--moves", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write everything into this file")
    args = parser.parse_args()
    with served(partial(_command, args.model), "/readyz") as server:
        rows, browser = measure(f"http://127.0.0.1:{server.port}", args.model, args.moves)
    machine = doctor.machine(torch.device("cpu")) | {"chromium": browser, "onnxruntime": version("onnxruntime")}
    whole = np.array(rows)
    p50, p95, p99 = np.percentile(whole[:, 0], (50, 95, 99))
    record: dict[str, Any] = {
        "machine": machine,
        "model": args.model,
        "faces": FACES,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "max_ms": whole[:, 0].max(),
        "median_parts_ms": dict(zip(PARTS, np.median(whole[:, 1:], axis=0).tolist(), strict=True)),
        "moves_ms": whole[:, 0].tolist(),
    }
    print(json.dumps(machine))
    print(
        f"{FACES} faces, {len(rows)} moves: p50 {p50:.1f} ms, p95 {p95:.1f}, p99 {p99:.1f}, max {whole[:, 0].max():.1f}"
    )
    print("median parts: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in record["median_parts_ms"].items()))
    if args.json:
        write_json(args.json, record)


def _command(model: str, port: int) -> list[str]:
    return [*STUDIO, model, "--port", str(port), "--quiet"]


if __name__ == "__main__":
    main()
