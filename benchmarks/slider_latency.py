"""Milliseconds from moving a slider in a browser until 64 faces are redrawn.

    python benchmarks/slider_latency.py [--model drawn64] [--backend onnx] [--moves 300] [--json record.json]

The studio and a headless Chromium run on the same cores. A time begins with the input event of the slider Smiling on
the page Generate and ends with the first frame after the canvas shows the response to this move. No strength is used
twice, so nothing is cached. Each time has parts: until the page sends the request, until the first byte of the
response, until its last byte, and until it is visible.
"""

import random
import shutil
import sys
from importlib.metadata import version

import harness
import numpy as np

FACES, WARM_UP_MOVES = 64, 20
PAUSE_MS = 120  # between moves
STRENGTHS = [hundredths / 100 for hundredths in range(-200, 201) if hundredths]
PARTS = ("request", "first_byte", "last_byte", "visible")
MOVE = """async ([value, pause]) => {
  const label = [...document.querySelectorAll(".slider label")].find((item) => item.textContent === "Smiling");
  const slider = document.getElementById(label.htmlFor), canvas = document.querySelector(".face-grid canvas");
  await new Promise((resolve) => setTimeout(resolve, pause));
  performance.clearResourceTimings();
  const drawn = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`nothing is drawn for ${value}`)), 10_000);
    const text = `Smiling%3A${value}&`;
    const observer = new MutationObserver(
      () => canvas.dataset.of.includes(text) && (observer.disconnect(), resolve()));
    observer.observe(canvas, { attributes: true, attributeFilter: ["data-of"] });
  });
  const start = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await drawn;
  await new Promise((resolve) => requestAnimationFrame(resolve));
  const end = performance.now();
  const entry = performance.getEntriesByType("resource").filter((item) => item.name.includes("/generate?")).at(-1);
  const times = [start, entry.requestStart, entry.responseStart, entry.responseEnd, end];
  return [end - start, ...times.slice(1).map((time, index) => time - times[index])];
}"""


def measure(address: str, model: str, moves: int) -> tuple[list[list[float]], str]:
    """Return the milliseconds of every move and of its parts, and the browser's version."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: install the package chromium")
    if not 0 < moves <= len(STRENGTHS) - WARM_UP_MOVES:
        sys.exit(f"invalid --moves {moves}: expected 1 to {len(STRENGTHS) - WARM_UP_MOVES}")
    random.Random(0).shuffle(values := list(STRENGTHS))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/?model={model}&count={FACES}&seed=1")
        page.wait_for_selector(".face-grid canvas[data-of]")
        page.get_by_label("Smiling", exact=True).evaluate("(slider) => { slider.step = 'any' }")
        rows = [page.evaluate(MOVE, [value, PAUSE_MS]) for value in values[: WARM_UP_MOVES + moves]]
        browser_version = browser.version
        browser.close()
    return rows[WARM_UP_MOVES:], browser_version


def main() -> None:
    parser = harness.parser(__doc__, "--model", "--json")
    parser.add_argument("--backend", default="onnx", help="of the studio: onnx, openvino or torch")
    parser.add_argument("--moves", type=int, default=300)
    args = parser.parse_args()
    with harness.start_server(harness.studio_command(args.model, "--backend", args.backend, "--quiet")) as server:
        rows, browser = measure(f"http://{harness.HOST}:{server.port}", args.model, args.moves)
    times = np.array(rows)
    summary = harness.percentiles((times[:, 0] / 1000).tolist()) | {"max_ms": times[:, 0].max()}
    parts = dict(zip(PARTS, np.median(times[:, 1:], axis=0).tolist(), strict=True))
    versions = {"chromium": browser, "onnxruntime": version("onnxruntime")}
    record = harness.new_record(
        versions=versions,
        model=args.model,
        faces=FACES,
        **summary,
        median_parts_ms=parts,
        moves_ms=times[:, 0].tolist(),
    )
    print(f"{FACES} faces, {len(rows)} moves:", ", ".join(f"{name} {ms:.1f}" for name, ms in summary.items()))
    print("median parts:", ", ".join(f"{name} {ms:.1f} ms" for name, ms in parts.items()))
    harness.save_record(record, args.json)


if __name__ == "__main__":
    main()
