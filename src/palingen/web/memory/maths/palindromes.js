// Palindromes: seeded, of any length, and a split into training and test by palindrome. No DOM.
//
// B  palindromes      T  their length      S = T - 1  digits that are read
"use strict";
(function (palingen) {
  const NUM_DIGITS = 10;

  /** The palindrome of `length` digits with the given first half, which includes the middle digit if there is one. */
  const mirror = (half, length) => Uint8Array.from({ length }, (_, i) => half[Math.min(i, length - 1 - i)]);

  /** Whether digits read the same backwards. */
  const isPalindrome = (digits) => digits.every((digit, i) => digit === digits[digits.length - 1 - i]);

  /** A palindrome from any text with digits in it: the text's own if it is one, else its first half mirrored. */
  function parsePalindrome(text, minLength, maxLength) {
    const digits = Array.from(text.replaceAll(/\D/g, "").slice(0, maxLength), Number);
    if (digits.length < minLength) return null;
    return mirror(digits, digits.length);
  }

  /** Whether a palindrome belongs to the test set: a fifth of all, chosen by a hash of the digits (FNV-1a). */
  function isTest(digits) {
    let hash = 0x811c9dc5;
    for (const digit of digits) hash = Math.imul(hash ^ digit, 0x01000193);
    return ((hash ^ (hash >>> 15)) >>> 0) % 5 === 0;
  }

  /** One random palindrome; `next` gives uniform numbers. */
  function randomPalindrome(length, next) {
    const half = Array.from({ length: Math.ceil(length / 2) }, () => Math.floor(NUM_DIGITS * next()));
    return mirror(half, length);
  }

  /**
   * `count` random palindromes one after the other: the digits that are read [B * S], and the last digits [B].
   * `part` is "train" or "test" for those of one side of the split, or "all".
   */
  function samplePalindromes(count, length, next, part = "all") {
    const inputs = new Uint8Array(count * (length - 1)), targets = new Uint8Array(count);
    for (let b = 0; b < count; b++) {
      let digits = randomPalindrome(length, next);
      while (part !== "all" && isTest(digits) !== (part === "test")) digits = randomPalindrome(length, next);
      inputs.set(digits.subarray(0, length - 1), b * (length - 1));
      targets[b] = digits[length - 1];
    }
    return { inputs, targets, count, steps: length - 1 };
  }

  Object.assign(palingen, {
    NUM_DIGITS, mirror, isPalindrome, parsePalindrome, isTest, randomPalindrome, samplePalindromes,
  });
})((globalThis.palingen ??= {}));
