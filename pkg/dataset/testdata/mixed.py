"""Write DataFrames whose other columns hold what people keep beside their prompts, with the pandas that runs this.
usage: mixed.py EXPECTED_JSON OUTDIR NAME"""
import datetime, decimal, json, os, sys, uuid
import numpy as np, pandas as pd

expected, out, name = sys.argv[1:]
rows = [np.array(r) for r in json.load(open(expected))]
n = len(rows)
d = pd.DataFrame({'z': range(n), 'tok_inputs': pd.Series(rows, dtype=object), 'o2': [None] * n, 's': ['a'] * n})
d.columns = d.columns.astype('string')
d.to_pickle(os.path.join(out, name + '-stringcols.pkl'))
d.T.T.to_pickle(os.path.join(out, name + '-tt.pkl'))
d['ts'] = pd.Timestamp('2024-01-01')
d['i'] = pd.array([1, None] * (n // 2), dtype='Int64')
d['dt'] = [pd.Timestamp('2024-01-01', tz='UTC')] * n
d['p'] = pd.period_range('2020', periods=n, freq='D')
d['obj'] = [datetime.datetime.now(), decimal.Decimal(1), uuid.uuid4(), pd.NA, pd.NaT, pd.Timedelta('1s'), pd.Timestamp.now(),
            {'a': 1}, {1, 2}, frozenset([1]), 10**30, pd.Timestamp('2024-01-01', tz='Europe/Berlin')]
for p in (4, 5):
    d.to_pickle(os.path.join(out, name + '-mixed%d.pkl' % p), protocol=p)
