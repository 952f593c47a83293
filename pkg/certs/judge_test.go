package certs

import (
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	end := noon.Add(30 * 24 * time.Hour)
	tests := map[string]struct {
		now  time.Time
		want Verdict
	}{
		"an instant early":              {noon.Add(-1), NotYetValid},
		"the first instant":             {noon, Fresh},
		"exactly a third is left":       {noon.Add(20 * 24 * time.Hour), Fresh},
		"less than a third is left":     {noon.Add(20*24*time.Hour + 1), Due},
		"the last instant":              {end, Due},
		"an instant late":               {end.Add(1), Expired},
		"a century late":                {end.AddDate(100, 0, 0), Expired},
		"another zone, the same moment": {end.Add(1).In(time.FixedZone("", -3600)), Expired},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Judge(noon, end, tt.now); got != tt.want {
				t.Errorf("Judge = %q, want %q", got, tt.want)
			}
		})
	}
}
