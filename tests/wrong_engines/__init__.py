"""Wrong engines: faults planted in the real code, each with the guard of the suite that must notice it."""

from .answers import ANSWER_FAULTS
from .batches import BATCHES
from .bundles import BUNDLE_FAULTS
from .convexity import CONVEXITY_FAULTS
from .families import FAMILY_FAULTS
from .graphs import GRAPH_FAULTS
from .infima import INFIMA
from .laws import LAWS
from .losses import LOSS_FAULTS
from .many import MANY_FAULTS
from .network_batches import NETWORK_BATCHES
from .networks import NETWORKS
from .numbers import NUMBERS
from .optima import OPTIMUM_FAULTS
from .policy_batches import POLICY_BATCHES
from .proofs import PROOF_FAULTS
from .rates import RATED
from .readers import READER_FAULTS
from .regions import REGION_FAULTS
from .reinforcement import REINFORCEMENT
from .rules import RULE_FAULTS
from .running import RUNNING
from .solvers import SOLVER_FAULTS
from .stated import STATED_FAULTS
from .supervised import SUPERVISED
from .traced import TRACED
from .vectors import VECTORS
from .verdicts import VERDICT_FAULTS

ROOMS = (
    NUMBERS,
    LOSS_FAULTS,
    INFIMA,
    BATCHES,
    POLICY_BATCHES,
    NETWORK_BATCHES,
    SUPERVISED,
    LAWS,
    VECTORS,
    RATED,
    NETWORKS,
    REINFORCEMENT,
    VERDICT_FAULTS,
    OPTIMUM_FAULTS,
    CONVEXITY_FAULTS,
    FAMILY_FAULTS,
    READER_FAULTS,
    TRACED,
    ANSWER_FAULTS,
    RUNNING,
    MANY_FAULTS,
    PROOF_FAULTS,
    REGION_FAULTS,
    BUNDLE_FAULTS,
    STATED_FAULTS,
    RULE_FAULTS,
    GRAPH_FAULTS,
    SOLVER_FAULTS,
)
