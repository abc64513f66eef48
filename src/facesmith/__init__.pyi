# The public API: every public name and the module that defines it. `__init__.py` and type checkers read this list.

from facesmith.data.dataset import Dataset as Dataset
from facesmith.data.dataset import open_dataset as open_dataset
from facesmith.data.importer import import_dataset as import_dataset
from facesmith.demonstration import demo as demo
from facesmith.doctor import checkup as checkup
from facesmith.errors import FacesmithError as FacesmithError
from facesmith.images.annotate import show_faces as show_faces
from facesmith.images.blend import blend_face as blend_face
from facesmith.images.decode import read_photo as read_photo
from facesmith.images.face_crop import FaceCrop as FaceCrop
from facesmith.images.face_crop import crop_faces as crop_faces
from facesmith.images.face_crop import has_aligned_faces as has_aligned_faces
from facesmith.images.faces import Face as Face
from facesmith.images.faces import find_faces as find_faces
from facesmith.images.video import encode_video as encode_video
from facesmith.latent.arithmetic import analogy_grid as analogy_grid
from facesmith.latent.arithmetic import latent_path as latent_path
from facesmith.latent.describe import describe as describe
from facesmith.latent.direction_fit import fit_directions as fit_directions
from facesmith.latent.directions import Directions as Directions
from facesmith.latent.edit import edit as edit
from facesmith.latent.encode import encode as encode
from facesmith.latent.encode import reconstruct as reconstruct
from facesmith.latent.face_map.build import map_faces as map_faces
from facesmith.latent.face_refs import FaceRef as FaceRef
from facesmith.latent.face_refs import parse_face_ref as parse_face_ref
from facesmith.latent.faces import FaceLatent as FaceLatent
from facesmith.latent.faces import load_faces as load_faces
from facesmith.latent.neighbours import nearest_faces as nearest_faces
from facesmith.latent.neighbours import neighbours as neighbours
from facesmith.latent.paths import analogy as analogy
from facesmith.latent.paths import interpolate as interpolate
from facesmith.latent.paths import sweep as sweep
from facesmith.latent.refine import refine as refine
from facesmith.latent.style_mix import style_mix as style_mix
from facesmith.metrics.evaluate import evaluate as evaluate
from facesmith.metrics.scores import Scores as Scores
from facesmith.models.classifier import AttributeClassifier as AttributeClassifier
from facesmith.models.classifier import load_classifier as load_classifier

# A name of version 0.1 that a test of its files uses.
from facesmith.models.generate import generate as generate
from facesmith.models.included import included_makeovers as included_makeovers
from facesmith.models.included import included_models as included_models
from facesmith.models.makeover import Makeover as Makeover
from facesmith.models.makeover import load_makeover as load_makeover
from facesmith.models.model import Model as Model
from facesmith.models.model import load as load
from facesmith.networks.plugins import load_plugin as load_plugin
from facesmith.networks.registry import register_family as register_family
from facesmith.networks.settings import FamilyConfig as FamilyConfig
from facesmith.networks.settings import setting as setting
from facesmith.reports.compare import compare as compare
from facesmith.reports.explore import explore as explore
from facesmith.reports.run_report import report as report
from facesmith.runs.run_reader import Run as Run
from facesmith.runs.run_reader import open_run as open_run
from facesmith.runs.status import RunStatus as RunStatus
from facesmith.studio.server import serve as serve
from facesmith.tasks.classifier.label_dataset import label as label
from facesmith.tasks.export import export as export
from facesmith.tasks.gan.recipe import GANRecipe as GANRecipe
from facesmith.tasks.makeover.apply import make_over as make_over
from facesmith.tasks.recipes import RECIPES as RECIPES
from facesmith.tasks.recipes import recipe_settings as recipe_settings
from facesmith.tasks.recipes import register_recipe as register_recipe
from facesmith.training.loop import train as train
from facesmith.training.settings import Recipe as Recipe
from facesmith.version import __version__ as __version__

__all__: list[str]
load_judge = load_classifier  # of version 0.1
