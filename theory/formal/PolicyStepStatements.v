(* Made from theory/ by `python -m metagap.reports.readme`: what the claims say. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import DecisionDefinitions PolicyStepDefinitions.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* meta-rl-t3a: T3a: what the KL step gains. eta times the improvement of the returns by the inner step is a mean Jeffreys divergence, exactly.
   kl-step: The adaptation is the KL step pi_i ~ pi_theta exp(eta Q_i).
   step_size: step size of the adaptation; improvement: mean return of the adapted policies minus that of the prior; jeffreys: sum_i q_i E_{nu_i}[KL(pi_i||pi) + KL(pi||pi_i)]/(1-gamma_i), visitations of the adapted policies *)
Definition meta_rl_t3a (R : realType) : Prop := forall P : stepping_problem R,
  assume_kl_step P ->
  step_size P * improvement P = jeffreys P.

(* meta-rl-t3a-rational: T3a: what the rational step gains. The improvement of the returns by the rational step is eta times a mean variance of Q, exactly.
   rational-step: The adaptation is the rational step pi_i ~ pi_theta (1 + eta Q_i).; positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   improvement: mean return of the adapted policies minus that of the prior; step_size: step size of the adaptation; tilted_variance: sum_i q_i E_{nu_i}[Var_pi(Q_i)/(1 + eta V_i)]/(1-gamma_i), visitations of the adapted policies *)
Definition meta_rl_t3a_rational (R : realType) : Prop := forall P : stepping_problem R,
  assume_rational_step P ->
  assume_positive_policy P ->
  improvement P = step_size P * tilted_variance P.

(* meta-rl-t3a-improvement: T3a: the inner step improves every policy. The adapted policies return at least as much as the prior.
   kl-step: The adaptation is the KL step pi_i ~ pi_theta exp(eta Q_i).; forward-step: eta > 0.
   prior_return: mean return sum_i q_i J_i of the prior policy; adapted_return: mean return of the adapted policies: L(omega) *)
Definition meta_rl_t3a_improvement (R : realType) : Prop := forall P : stepping_problem R,
  assume_kl_step P ->
  assume_forward_step P ->
  prior_return P <= adapted_return P.
