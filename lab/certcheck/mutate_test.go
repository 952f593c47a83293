package certcheck

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// setting is a number from the environment.
func setting(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestMutations compares thousands of bundles, each of which differs from one that
// works in one field of a certificate or in the order of a file, or in a few.
// CERTCHECK_SEED and CERTCHECK_COUNT repeat a run and make it longer.
func TestMutations(t *testing.T) {
	seed := setting(t, "CERTCHECK_SEED", int(time.Now().Unix()))
	count := setting(t, "CERTCHECK_COUNT", 2000)
	if testing.Short() {
		count = min(count, 200)
	}
	t.Logf("CERTCHECK_SEED=%d CERTCHECK_COUNT=%d", seed, count)
	m := newMesh(t)
	k := newKeys(t)
	for i := range count {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		data, done, err := k.mutant(t, r)
		if err != nil {
			continue // x509 does not make it, or not read it
		}
		t.Run(fmt.Sprintf("%d %v", i, done), func(t *testing.T) { m.compare(t, data, east) })
	}
	m.report(t)
}

// keys of the tiers, made once.
type keys struct{ root, mid, signer, other crypto.Signer }

func newKeys(t testing.TB) keys { return keys{p256(t), p256(t), p256(t), p256(t)} }

// mutant is a bundle with one to three changes, and what they are.
func (k keys) mutant(t testing.TB, r *rand.Rand) (data map[string][]byte, done []string, err error) {
	named := edits(t)
	names := slices.Sorted(maps.Keys(named))
	limits := constraintsOf()
	kinds := slices.Sorted(maps.Keys(limits))
	change := func(tier string) edit {
		switch r.IntN(8) {
		case 0:
			name := names[r.IntN(len(names))]
			done = append(done, tier+" "+name)
			return named[name]
		case 1:
			name := kinds[r.IntN(len(kinds))]
			done = append(done, tier+" "+name)
			return raw([]int{2, 5, 29, 30}, r.IntN(2) == 0, limits[name]...)
		}
		return nil
	}
	var made [4]authority
	if made[0], err = issue("company", nil, k.root, change("root")); err != nil {
		return nil, nil, err
	}
	if made[1], err = issue("mesh", &made[0], k.mid, change("mid")); err != nil {
		return nil, nil, err
	}
	if made[2], err = issue("cluster", &made[1], k.signer, change("signer")); err != nil {
		return nil, nil, err
	}
	if made[3], err = issue("other", nil, k.other); err != nil {
		return nil, nil, err
	}
	again := [3]authority{} // the same once more, with a change that those below do not know of
	for i := range again {
		var parent *authority
		if i > 0 {
			parent = &made[i-1]
		}
		if r.IntN(6) == 0 {
			parent = &made[3]
			done = append(done, "crossed")
		}
		if again[i], err = issue(made[i].Subject.CommonName, parent, made[i].key, change("again")); err != nil {
			return nil, nil, err
		}
	}
	signer, chain, roots := made[2].Raw, [][]byte{made[2].Raw, made[1].Raw}, [][]byte{made[0].Raw}
	if r.IntN(3) == 0 {
		chain = append(chain, made[0].Raw)
	}
	signers := map[int]crypto.Signer{0: k.root, 1: k.root, 2: k.mid}
	all := [][]byte{made[0].Raw, made[1].Raw, made[2].Raw, made[3].Raw, again[0].Raw, again[1].Raw, again[2].Raw}
	for range 1 + r.IntN(2) {
		switch op := r.IntN(10); {
		case op == 0:
			chain = slices.Insert(chain, r.IntN(len(chain)+1), all[r.IntN(len(all))])
			done = append(done, "chain longer")
		case op == 1:
			roots = slices.Insert(roots, r.IntN(len(roots)+1), all[r.IntN(len(all))])
			done = append(done, "more roots")
		case op == 2:
			r.Shuffle(len(chain), func(i, j int) { chain[i], chain[j] = chain[j], chain[i] })
			done = append(done, "chain shuffled")
		case op == 3:
			tier := r.IntN(3)
			chain, signer = replaced(chain, all[tier], again[tier].Raw), replaced([][]byte{signer}, all[tier], again[tier].Raw)[0]
			done = append(done, "chain reissued")
		case op == 4:
			roots = replaced(roots, all[0], again[0].Raw)
			done = append(done, "root reissued")
		default:
			tier := r.IntN(3)
			was := all[tier]
			der, what := mutated(t, r, was, signers[tier])
			done = append(done, fmt.Sprintf("tier %d %s", tier, what))
			if r.IntN(2) == 0 {
				signer = replaced([][]byte{signer}, was, der)[0]
			}
			if r.IntN(4) > 0 {
				chain = replaced(chain, was, der)
			}
			if r.IntN(4) > 0 {
				roots = replaced(roots, was, der)
			}
		}
	}
	data = map[string][]byte{"ca-cert.pem": text(signer), "ca-key.pem": pkcs8(t, k.signer), "cert-chain.pem": text(chain...), "root-cert.pem": text(roots...)}
	if r.IntN(5) == 0 {
		lists, what := k.lists(t, r, made)
		data["ca-crl.pem"], done = lists, append(done, what)
	}
	return data, done, nil
}

// lists are CRLs of all tiers, one of them changed.
func (k keys) lists(t testing.TB, r *rand.Rand, made [4]authority) ([]byte, string) {
	changes := listEdits(made[r.IntN(3)].Certificate)
	names := slices.Sorted(maps.Keys(changes))
	name, which := names[r.IntN(len(names))], r.IntN(3)
	var all [][]byte
	for i, a := range made[:3] {
		list := crl(t, a, nil)
		if i == which {
			list = crl(t, a, changes[name])
		}
		if r.IntN(8) == 0 {
			block, _ := pem.Decode(list)
			der, _ := mutated(t, r, block.Bytes, a.key)
			list = pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der})
		}
		if r.IntN(12) > 0 {
			all = append(all, list)
		}
	}
	return bytes.Join(all, nil), "list " + name
}

// replaced are ders with one in place of another.
func replaced(ders [][]byte, was, is []byte) [][]byte {
	ders = slices.Clone(ders)
	for i, der := range ders {
		if bytes.Equal(der, was) {
			ders[i] = is
		}
	}
	return ders
}

// mutated is a certificate, or a CRL, with a change of one of its fields, signed
// again.
func mutated(t testing.TB, r *rand.Rand, der []byte, key crypto.Signer) ([]byte, string) {
	parts := tree(der)[0].nodes
	what := parts[0].mutate(r)
	return resigned(t, parts[0].encode(), parts[1].encode(), key), what
}
