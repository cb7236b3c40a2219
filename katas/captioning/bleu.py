"""BLEU of a corpus of captions.

How many of the words, word pairs, triples and so on in the candidates does a human also use? For every k
from 1 to n

    p[k] = matched k-grams of all candidates / k-grams of all candidates
    BP   = 1 if c >= r, else exp(1 - r / c)
    bleu = BP * (p[1] * p[2] * ... * p[n]) ^ (1 / n)

* cands is a list of candidates, each a list of tokens (strings); refs[i] is the list of the references
  of cands[i], at least one, each a list of tokens. Candidates and references may be without tokens.
* A k-gram is k tokens in a row: a candidate of L tokens has L - k + 1 of them, or none if L < k.
* Matches are clipped: a k-gram that is in a candidate m times matches at most as often as it occurs in
  that one of its own references which has it most often.
* Both counts are summed over the corpus before they are divided. It is not a mean over sentences.
* c is the number of tokens in all candidates. r adds up one reference length for each candidate: the one
  closest to the candidate's; of two equally close ones the shorter.
* If some p[k] is 0, or no candidate is long enough for a k-gram, the result is 0. Nothing is smoothed. A
  corpus without candidates has 0, too.
* Tokens hold no spaces and are compared as they are: "A" is not "a".
* n is at least 1. Lists cands and refs of different lengths raise ValueError. The lists stay as they
  are.
* The result is a number from 0 to 1.

Example: "the the the the the the the" with the references "the cat is on the mat" and "there is a cat on
the mat". The word "the" is there 7 times, but in no reference more than twice: p[1] = 2 / 7. As
c = r = 7, BLEU with n = 1 is 0.286. With n = 2 it is 0: "the the" is in no reference. A candidate of
9 tokens with one reference of 12 has BP = exp(1 - 12 / 9) = 0.717.
"""


def corpus_bleu(cands: list[list[str]], refs: list[list[list[str]]], n: int = 4) -> float:
    """Return BLEU from clipped counts of 1-grams to n-grams over the whole corpus."""
    raise NotImplementedError
