package check

import "testing"

func TestMinorOf(t *testing.T) {
	tests := map[string]struct {
		minor int
		ok    bool
	}{
		"v1.36.3":                {36, true},
		"v1.33.1-eks-1de2ab1":    {33, true},
		"v1.32.0-gke.1000":       {32, true},
		"v1.31+k3s1":             {31, true},
		"v1.9.0":                 {9, true},
		"1.35.0-alpha.1":         {35, true},
		"v1.34":                  {34, true},
		"v0.0.0-master+$Format$": {0, false}, // built without a version
		"v2.0.0":                 {0, false},
		"v1.":                    {0, false},
		"v1.x":                   {0, false},
		"":                       {0, false},
	}
	for version, want := range tests {
		if minor, ok := Minor(version); minor != want.minor || ok != want.ok {
			t.Errorf("%q: %d, %t; want %d, %t", version, minor, ok, want.minor, want.ok)
		}
	}
}
