// Package names judges the names that users give, finds the one that was
// probably meant, and shows them in messages so that no letter can deceive and no
// terminal be steered.
package names
