package scratch
import ("testing";"context";"fmt";"cloudaudit/policy";"cloudaudit/policy/cel";"cloudaudit/policy/packs")
func TestS(t *testing.T){
 all,_ := packs.All()
 eng := cel.New()
 for _, b := range all {
 pk, err := policy.Loader{Engines: map[string]policy.Engine{"cel":eng}}.FS(context.Background(),b.Name,b.Files)
 if err!=nil {t.Error(err); continue}
 rs, err := policy.RunCases(context.Background(), eng, pk, b.Files)
 if err!=nil {t.Error(err)}
 n:=0
 for _,r := range rs { if !r.OK { fmt.Println("BAD", r.Policy, r.File, r.Problem, r.Got.Detail)} else {n++; if r.Got.Reports != nil {for _,x := range r.Got.Reports {fmt.Println("   ", r.Policy,":", x.Key,"|", x.Message)}}} }
 fmt.Println(b.Name, n)
 }
}
