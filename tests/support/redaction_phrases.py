"""Sentences of follow-up calls with what must be hidden in ⟨⟩: written before the rules were tried on them."""

CHINESE = """
喂你好，请问是⟨刘桂兰⟩女士吗
我是她女儿，我叫⟨刘畅⟩
您好，我是市医院随访中心的护士⟨陈静⟩
⟨张⟩主任让我下周二来复查
给我做手术的是⟨欧阳⟩教授
免贵姓⟨孙⟩，叫⟨孙志强⟩
我姓⟨林⟩，双木⟨林⟩
名字是⟨赵一鸣⟩，一二三的一，鸟叫的鸣
我老伴⟨王秀英⟩在旁边
⟨李建军⟩家属是吧
您找⟨老周⟩啊，他出去了
⟨小刘⟩，你帮我接一下电话
我儿子⟨吴磊⟩的手机是⟨一三九一二三四五六七八⟩
电话您记一下，⟨零五七一，八八零八，一二三四⟩
打我座机，⟨010-6655 7788⟩
手机⟨138 0013 8000⟩，尾号四个零
身份证⟨三三零一零二，一九四八零六一五，二零三幺⟩
身份证号码是⟨11010519491231002X⟩
住院号是⟨0087654⟩
医保卡号⟨A123456789⟩
病历号⟨二零二六三三一⟩
我住在⟨海淀区中关村南大街五号院二号楼⟩
家在⟨西湖区文二路三百九十一号⟩
地址是⟨江苏省苏州市姑苏区平江路88号⟩
寄到⟨幸福小区十二栋三单元六零二⟩
我搬到⟨朝晖新村⟩去了
我是⟨四川省绵阳市⟩人
住⟨解放路二十号⟩，三楼
⟨上海市浦东新区张杨路1500弄⟩
邮箱是⟨liu.chang@example.com⟩
⟨何⟩医生开的药我吃完了
⟨马⟩大夫说可以停了
⟨高⟩护士长打过电话
联系人写我姐姐⟨周红梅⟩
那个⟨黄⟩老师傅也是这个病
我跟⟨徐⟩医生约好了
我有高血压好几年了
血压一百四十到九十，心率七十二
早上空腹六点八，饭后九点二
血糖7.1，6.8，8.2，9.4
一天三次，一次两片，吃了七八天
我姓名没有变
走了两千五百三十步
十二月二十四号做的手术
明天上午九点半到门诊三楼
三二一，放松
吃阿司匹林和瑞舒伐他汀
我去村里走走路
马上就好，谢谢你
高烧三十九度二
方便的话您讲慢一点
何时来复查都可以
任何不舒服都要打电话
白天咳嗽，晚上好一点
从二零一九年开始就这样
常常头晕，温水送服
任务完成了
我们家里人都好
安排在二零二六年十二月三号
伤口一公分左右
""".strip().splitlines()

ENGLISH = """
Good morning, am I speaking to ⟨Margaret Hill⟩?
My name is ⟨Susan Park⟩ from the follow-up center.
This is his daughter, I'm ⟨Emily⟩.
Dr. ⟨Patel⟩ told me to come back in two weeks.
Nurse ⟨Williams⟩ changed the dressing.
You can call me at ⟨five five five, two one two, seven eight nine oh⟩.
It's ⟨020 7946 0958⟩.
My mobile is ⟨07700 900123⟩.
The number is ⟨oh seven seven double oh nine hundred one two three⟩.
My social security number is ⟨078-05-1120⟩.
Patient number ⟨A44871⟩.
I live at ⟨27 Maple Avenue, Apartment 4⟩.
My address is ⟨one twenty Baker Street⟩.
We moved to ⟨Cedar Close⟩.
Write to ⟨m.hill@example.org⟩.
My husband ⟨Robert⟩ gives me the tablets.
Please ask for ⟨Mr Collins⟩.
Hello ⟨Linda⟩, how are you today?
The postcode is ⟨M1 1AE⟩.
I am fine, thank you very much.
My blood pressure was 140 over 90.
It was 150, 145, 138 this week, the pressure I mean.
I take Lipitor and metformin twice a day.
I walk down the road for twenty minutes.
My sugar was seven point two this morning.
Hello, can you hear me?
I'm taking two tablets every day.
Doctor told me to rest.
On November 22 at half past nine.
This is Monday, right?
""".strip().splitlines()


def plain(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """A sentence without its marks, and the spans that they held."""
    text, spans = "", []
    for part in marked.replace("⟨", "\x00⟨").split("\x00"):
        if part.startswith("⟨"):
            inside, _, rest = part[1:].partition("⟩")
            spans.append((len(text), len(text) + len(inside)))
            text += inside + rest
        else:
            text += part
    return text, spans
