"""HTTP routes. Every module here has an ``APIRouter`` called ``router``; `facesmith.studio.app` finds it."""
