(* C3: features that represent every displacement leave no misfit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From Metagap Require Import Definitions Calculus Core.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Rank.
Variables (R : realType) (P : problem R).
Local Notation points := [finType of tasks P * (inputs P * 'I_(outputs P).+1)].
Local Notation N := #|points|.

(* The features at points of positive mass as the columns of a matrix, and u as a row. *)
Let inside (k : points) : bool := 0 < q k.1 * rho k.1 k.2.1.
Let A : 'M[R]_((size P).+1, N) := \matrix_(j, n)
  (if inside (enum_val n) then phi (enum_val n).1 (enum_val n).2.1 j (enum_val n).2.2 else 0).
Let b : 'rV[R]_N := \row_n (if inside (enum_val n) then u (enum_val n).1 (enum_val n).2.1 0 (enum_val n).2.2 else 0).

Lemma sum_points (F : points -> R) : \sum_(n < N) F (enum_val n) = \sum_i \sum_x \sum_a F (i, (x, a)).
Proof.
rewrite -(big_enum_val _ _ (fun k => F k)) /=.
rewrite [LHS](eq_bigl xpredT) //.
rewrite (pair_bigA _ (fun x a => _)) /=.
Show.
Abort.
End Rank.
