"""Write one data set in many shapes, with the pandas and numpy of the interpreter that runs it.
usage: make.py OUTDIR NAME
Every file holds the same token ids (expected.json), whatever its shape."""
import json, os, pickle, sys
import numpy as np, pandas as pd

out, name = sys.argv[1], sys.argv[2]
os.makedirs(out, exist_ok=True)
rng = np.random.RandomState(7)
LENS = [1, 2, 3, 5, 8, 17, 64, 128, 255, 256, 257, 1100]
ROWS = [rng.randint(0, 128256, size=n).astype(np.int64) for n in LENS]
LISTS = [[int(x) for x in r] for r in ROWS]
with open(os.path.join(out, 'expected.json'), 'w') as f:
    json.dump(LISTS, f)

def p(*parts):
    return os.path.join(out, '-'.join([name] + list(parts)))

def frame(cells, **extra):
    s = pd.Series(list(cells), dtype=object)
    d = {'tok_inputs': s}
    d.update(extra)
    return pd.DataFrame(d)

def dump(obj, path, proto):
    with open(path, 'wb') as f:
        pickle.dump(obj, f, protocol=proto)

protos = [x for x in (2, 3, 4, 5) if x <= pickle.HIGHEST_PROTOCOL]
for pr in protos:                                     # the shape that the original script writes
    frame(ROWS).to_pickle(p('int64-p%d.pkl' % pr), protocol=pr)
hi = protos[-1]
frame([r.astype(np.int32) for r in ROWS]).to_pickle(p('int32.pkl'), protocol=hi)
frame([r.astype(np.uint32) for r in ROWS]).to_pickle(p('uint32.pkl'), protocol=hi)
frame([r.astype('>i8') for r in ROWS]).to_pickle(p('bigendian.pkl'), protocol=hi)
frame(LISTS).to_pickle(p('lists.pkl'), protocol=hi)
frame([tuple(r) for r in LISTS]).to_pickle(p('tuples.pkl'), protocol=hi)
frame([[np.int64(x) for x in r] for r in LISTS]).to_pickle(p('npscalars.pkl'), protocol=hi)
frame([np.concatenate([r, r])[::2] if False else np.repeat(r, 2)[::2] for r in ROWS]).to_pickle(p('strided.pkl'), protocol=hi)
n = len(LENS)
rich = frame(ROWS,
    prompt=['text %d é' % i for i in range(n)],
    tok_input_length=np.array(LENS),
    output_len=np.array([float(i) for i in range(n)]),
    cat=pd.Categorical(['a', 'b'] * (n // 2)),
    when=pd.to_datetime(['2024-05-01'] * n),
    flag=[True, None] * (n // 2))
rich.to_pickle(p('rich.pkl'), protocol=hi)
rich[rich['tok_input_length'] > 0].sort_values('tok_input_length').to_pickle(p('filtered.pkl'), protocol=hi)
x = frame(ROWS); x.index = ['row%d' % i for i in range(n)]; x.to_pickle(p('strindex.pkl'), protocol=hi)
x = frame(ROWS); x.index = pd.MultiIndex.from_arrays([['a'] * n, range(n)]); x.to_pickle(p('multiindex.pkl'), protocol=hi)
for ext in ('gz', 'bz2', 'xz', 'zip', 'zst'):
    try:
        frame(ROWS).to_pickle(p('int64.pkl.' + ext), protocol=4 if 4 in protos else hi)
    except Exception as e:
        print(name, ext, 'skipped:', e)
        if os.path.exists(p('int64.pkl.' + ext)): os.remove(p('int64.pkl.' + ext))
dump(LISTS, p('plainlist.pickle'), hi)
dump(ROWS, p('listofarrays.pickle'), hi)
dump({'tok_inputs': LISTS}, p('dictoflists.pickle'), hi)
dump(pd.Series(ROWS, name='tok_inputs'), p('series.pickle'), hi)
dump([{'tok_inputs': r, 'prompt': 'x'} for r in LISTS], p('records.pickle'), hi)
frame(ROWS).to_json(p('orient-columns.json'))
frame(ROWS).to_json(p('records.json'), orient='records')
frame(ROWS).to_json(p('lines.jsonl'), orient='records', lines=True)
frame(LISTS).to_csv(p('lists.csv'), index=False)
frame(LISTS).to_csv(p('lists-index.csv'))
short = frame([r for r in ROWS if len(r) <= 257]); short.to_csv(p('arrays-nolong.csv'), index=False)   # "[1 2\n 3]": numpy's text
frame(ROWS).to_csv(p('arrays-truncated.csv'), index=False)                                              # has "...": must be refused
try:
    frame(ROWS).to_parquet(p('snappy.parquet'))
    frame(LISTS).to_parquet(p('gzip.parquet'), compression='gzip')
    frame([r.astype(np.int32) for r in ROWS]).to_parquet(p('int32-zstd.parquet'), compression='zstd')
    rich.to_parquet(p('rich.parquet'))
    import pyarrow as pa, pyarrow.parquet as pq
    t = pa.table({'tok_inputs': pa.array(LISTS, pa.large_list(pa.int32()))}); pq.write_table(t, p('largelist.parquet'), compression='none', row_group_size=5)
    t = pa.table({'tok_inputs': pa.array(LISTS, pa.list_(pa.uint32()))}); pq.write_table(t, p('uint32-v2page.parquet'), data_page_version='2.0', compression='brotli')
except ImportError:
    pass
# must be refused, each with the row and the reason
def bad(label, cells):
    dump(frame(cells), p('bad-' + label + '.pkl'), hi)
bad('float', [r.astype(float) for r in ROWS])
bad('negative', [np.array([1, -5, 3])])
bad('twodim', [np.zeros((2, 3), dtype=np.int64)])
bad('strings', ['1 2 3', 'hello'])
bad('none', [ROWS[0], None])
bad('emptyrow', [ROWS[0], np.array([], dtype=np.int64)])
bad('bool', [np.array([True, False])])
pd.DataFrame({'prompt': ['a']}).to_pickle(p('bad-nocolumn.pkl'), protocol=hi)
pd.DataFrame({'tok_inputs': pd.Series([], dtype=object)}).to_pickle(p('bad-norows.pkl'), protocol=hi)
class Evil(object):
    def __reduce__(self):
        return (os.system, ('touch pwned',))
dump({'tok_inputs': Evil()}, p('bad-evil.pkl'), 2)
