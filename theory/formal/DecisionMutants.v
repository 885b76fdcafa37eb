(* Made from theory/ by `python -m metagap.reports.readme`: what exact instances say of mutants. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import DecisionDefinitions Uniform.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* rl-half-constant: half the constant in front of the misfit. Cauchy-Schwarz is attained by tangent comparators.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition rl_half_constant (R : realType) : Prop :=
  exists (p0 : 0 <= (0%:R) :> R) (p1 : 0 <= (1%:R) :> R) (p : (0%:R) + (1%:R) = 1 :> R) v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := uniform (0%:R) (1%:R) p0 p1 p r0 vr in
    assume_positive_policy P /\
    ~ (gap P <= radius P * eps P + weight_norm P * misfit P / 2%:R).

(* rl-half-popoviciu: half the a priori constant. Popoviciu's inequality is attained by two equally likely extremes.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; weight_bound: (sum_i q_i (span r_i / (2(1-gamma_i)))^2)^{1/2} *)
Definition rl_half_popoviciu (R : realType) : Prop :=
  exists (p0 : 0 <= (1%:R) :> R) (p1 : 0 <= (0%:R) :> R) (p : (1%:R) + (0%:R) = 1 :> R) v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := uniform (0%:R) (1%:R) p0 p1 p r0 vr in
    assume_positive_policy P /\
    ~ (weight_norm P <= weight_bound P / 2%:R).

(* rl-s4-half: half of Cauchy-Schwarz. Equality where w and the residual are proportional.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition rl_s4_half (R : realType) : Prop :=
  exists (p0 : 0 <= (1%:R) :> R) (p1 : 0 <= (0%:R) :> R) (p : (1%:R) + (0%:R) = 1 :> R) v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := uniform (0%:R) (- (1%:R)) p0 p1 p r0 vr in
    assume_positive_policy P /\
    ~ (inner_product P <= weight_norm P * residual_norm P / 2%:R).

(* rl-l1-half: half the L1 form. Attained where the bound of the lifted form is.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition rl_l1_half (R : realType) : Prop :=
  exists (p0 : 0 <= (1%:R) :> R) (p1 : 0 <= (0%:R) :> R) (p : (1%:R) + (0%:R) = 1 :> R) v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := uniform (0%:R) (- (1%:R)) p0 p1 p r0 vr in
    assume_positive_policy P /\
    ~ (gap P <= misfit_l1 P / 2%:R).
