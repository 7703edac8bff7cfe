"""Texts of the exercises on recurrent nets."""

from ..texts import Text

TEXTS = {
    "lstm_cell": Text(
        title="长短期记忆的一个时间步",
        section="6.8",
        task=("计算一个时间步之后的状态。权重的各列依次属于输入门、遗忘门、候选记忆细胞和输出门。"),
        formula="""(i, f, g, o) = X W_x + H W_h + b 的四个部分
C <- sigmoid(f) C + sigmoid(i) tanh(g)
H <- sigmoid(o) tanh(C)""",
        template='''
def lstm_cell(X, H, C, W_x, W_h, b):
    """返回这个时间步之后的 H 和 C，形状都是 (批量大小, 隐藏单元个数)。

    X 的形状为 (批量大小, 输入个数)，W_x 为 (输入个数, 4 * 隐藏单元个数)，
    W_h 为 (隐藏单元个数, 4 * 隐藏单元个数)，b 为 (4 * 隐藏单元个数,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "梯度",
            "50 个时间步的序列",
        ),
        hints=(
            "所有的门只需与 X 相乘一次、与 H 相乘一次，再把和切成四部分。",
            "array.split(4, axis=1) 返回四个数组的列表。",
            "新的 H 取决于新的 C。返回的顺序是 H, C。",
        ),
        mistakes={
            "gates in another order": "候选记忆细胞和输出门弄反了。顺序是 i, f, g, o。",
            "gates exchanged": "输入门和遗忘门弄反了。顺序是 i, f, g, o。",
            "no tanh": "记忆细胞没有经过 tanh 就输出了。",
            "candidate": "候选记忆细胞用的是 sigmoid。它可以是负数：应当用 tanh。",
            "never forgets": "旧的记忆细胞全部保留了下来。应当乘以遗忘门。",
            "share forgotten": ("遗忘门虽然叫这个名字，却是要保留的比例。C 应当乘以 f，而不是 1 - f。"),
            "old memory": "H 是用这个时间步之前的记忆细胞算出的。应当使用新的 C。",
            "bias twice": "偏差加了两次。两个乘积之和只加一个偏差。",
            "interleaved": "把各列当成了每个单元的四个门。各个门是并排的，每个门包含它的所有单元。",
            "exchanged": "返回的 H 和 C 顺序反了。应当返回 H, C。",
        },
        commentary=(
            "记忆细胞从一个时间步传到下一个，只经过与 f 的相乘和一次相加，不与任何矩阵相乘，"
            "所以梯度经过很多时间步也不会消失。"
        ),
    ),
    "perplexity": Text(
        title="传递隐藏状态时的困惑度",
        section="6.4",
        task=(
            "返回一段文本的困惑度。文本分成若干批，每一批都紧接着上一批。各批的长度不必相同。损失是任意形状的数组，每个词对应一个元素。"
        ),
        formula="exp(所有词的损失之和 / 词数)",
        template='''
def perplexity(net, batches, state):
    """返回一个数。

    batches 产出 (X, y)。net(X, y, state) 返回这一批中各个词的损失（一个数组），以及之后的状态；
    state 是第一批之前的状态。
    """
    raise NotImplementedError
''',
        steps=(
            "一批",
            "几批",
            "最后一批较短",
        ),
        hints=(
            "net 返回新的状态。下一批应当从哪个状态开始？",
            "把损失和词数分别累加，最后只取一次指数。",
            "losses, state = net(X, y, state); total += losses.sum().asscalar(); count += losses.size",
        ),
        mistakes={
            "state begins anew": "每一批都从最初的状态开始。应当接着用 net 返回的状态。",
            "mean of perplexities": "这是各批困惑度的平均值。应当先对损失求平均，再取 exp。",
            "mean of means": "较短的一批与其他批的权重相同。应当用所有损失之和除以总词数。",
            "no exp": "这是平均损失。困惑度是它的指数。",
            "exp of the sum": "损失之和没有除以词数。",
            "power of 2": "这是 2 的幂。损失是自然对数，应当用 exp。",
            "last batch": "只算了最后一批。请把各批累加起来。",
        },
        commentary=(
            "困惑度为 k，相当于在 k 个词中随机猜测。如果每批都从头开始，困惑度会变差；"
            "网络学会记住的越多，变差得就越多。"
        ),
        phrases={
            "call": "各批长度依次为 {lengths} 时的 perplexity(net, batches, state)",
        },
    ),
}
