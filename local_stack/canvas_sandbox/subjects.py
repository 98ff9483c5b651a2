"""What the made-up courses are about: plain text, half Korean and half English as on a Korean campus."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """One subject that courses teach."""

    name: str
    code: str
    teacher: str
    topics: tuple[str, ...]
    hand_in: tuple[str, ...]
    """File extensions that uploads of this subject may have."""
    is_practical: bool = True
    """Whether it has labs and exercises with tools."""


SUBJECTS = (
    Subject(
        "운영체제 (Operating Systems)",
        "CSE3020",
        "김민수",
        (
            "프로세스와 스레드 (Processes and threads)",
            "CPU 스케줄러 (Round robin and MLFQ)",
            "세마포어와 모니터 (Semaphores and monitors)",
            "교착 상태 (Deadlock avoidance)",
            "가상 메모리 (Demand paging)",
            "페이지 교체 (Clock and LRU)",
            "파일 시스템 (Inodes and journaling)",
            "시스템 콜 추가 (Adding a system call)",
            "디스크 입출력 (I/O scheduling)",
            "컨테이너 격리 (Namespaces and cgroups)",
        ),
        ("pdf", "zip", "c", "h"),
    ),
    Subject(
        "데이터베이스 시스템 (Database Systems)",
        "CSE4010",
        "이서연",
        (
            "ER 모델링 (Entity-relationship modelling)",
            "정규화 (Normal forms up to BCNF)",
            "SQL 집계와 조인 (Joins and aggregation)",
            "B+ 트리 인덱스 (B+ tree indexes)",
            "질의 최적화 (Query plans)",
            "트랜잭션 격리 수준 (Isolation levels)",
            "잠금과 교착 (Two-phase locking)",
            "로그 기반 복구 (Write-ahead logging)",
            "NoSQL 비교 (Document and key-value stores)",
        ),
        ("pdf", "sql", "zip"),
    ),
    Subject(
        "알고리즘 (Design and Analysis of Algorithms)",
        "CSE3040",
        "박준호",
        (
            "점근 표기법 (Asymptotic notation)",
            "분할 정복 (Divide and conquer)",
            "동적 계획법 (Dynamic programming)",
            "그리디 알고리즘 (Greedy choice)",
            "최단 경로 (Dijkstra and Bellman-Ford)",
            "최대 유량 (Maximum flow)",
            "문자열 매칭 (KMP and suffix arrays)",
            "NP-완전성 (NP-completeness)",
            "근사 알고리즘 (Approximation)",
        ),
        ("pdf", "py", "cpp"),
    ),
    Subject(
        "Academic Writing in English",
        "ENG1005",
        "Hannah Brooks",
        (
            "Thesis statements",
            "Paragraph unity and coherence",
            "Summarising a research article",
            "Argument and counter-argument",
            "Citing sources in APA style",
            "Peer feedback on a draft",
            "Describing figures and tables",
            "Abstracts and conclusions",
        ),
        ("docx", "pdf"),
        is_practical=False,
    ),
    Subject(
        "기계학습 개론 (Introduction to Machine Learning)",
        "AIE2051",
        "최지우",
        (
            "선형 회귀 (Linear regression)",
            "로지스틱 회귀 (Logistic regression)",
            "정규화와 교차 검증 (Regularisation and cross-validation)",
            "결정 트리와 앙상블 (Trees and ensembles)",
            "서포트 벡터 머신 (Support vector machines)",
            "신경망 기초 (Multi-layer perceptrons)",
            "합성곱 신경망 (Convolutional networks)",
            "군집화 (Clustering with k-means)",
            "모델 평가 (ROC, precision and recall)",
        ),
        ("ipynb", "pdf", "zip"),
    ),
    Subject(
        "한국 현대문학의 이해",
        "KOR1120",
        "정해린",
        (
            "이상 「날개」와 근대의 자의식",
            "김소월과 한의 정서",
            "윤동주 시의 성찰",
            "채만식의 풍자 소설",
            "전후 소설과 상흔",
            "박완서와 도시 중산층",
            "한강 『소년이 온다』 읽기",
            "번역된 한국문학",
        ),
        ("hwp", "pdf", "docx"),
        is_practical=False,
    ),
    Subject(
        "컴퓨터 네트워크 (Computer Networks)",
        "CSE4030",
        "오승훈",
        (
            "소켓 프로그래밍 (Socket programming)",
            "HTTP 캐싱 (HTTP caching and proxies)",
            "신뢰적 전송 (Reliable data transfer)",
            "TCP 혼잡 제어 (Congestion control)",
            "라우팅 프로토콜 (Link state and distance vector)",
            "서브넷과 NAT (Subnetting and NAT)",
            "이더넷과 ARP (Ethernet and ARP)",
            "TLS 핸드셰이크 (The TLS handshake)",
        ),
        ("pdf", "py", "pcapng"),
    ),
    Subject(
        "확률과 통계 (Probability and Statistics)",
        "MAT2010",
        "한유진",
        (
            "조건부 확률 (Conditional probability)",
            "이산 확률 변수 (Discrete random variables)",
            "정규 분포 (The normal distribution)",
            "중심 극한 정리 (Central limit theorem)",
            "신뢰 구간 (Confidence intervals)",
            "가설 검정 (Hypothesis tests)",
            "회귀 분석 (Regression analysis)",
        ),
        ("pdf", "xlsx", "r"),
    ),
    Subject(
        "경영학 원론 (Principles of Management)",
        "BUS1001",
        "윤태경",
        (
            "조직 구조 (Organisational structure)",
            "동기 부여 이론 (Motivation theories)",
            "SWOT 분석 (SWOT analysis)",
            "마케팅 믹스 (The marketing mix)",
            "기업의 사회적 책임 (Corporate responsibility)",
            "스타트업 사례 (A start-up case)",
        ),
        ("pptx", "pdf", "docx"),
        is_practical=False,
    ),
    Subject(
        "소프트웨어 공학 (Software Engineering)",
        "CSE4060",
        "강다은",
        (
            "요구사항 명세 (Requirements)",
            "UML 모델링 (UML modelling)",
            "테스트 주도 개발 (Test-driven development)",
            "코드 리뷰 (Code review)",
            "지속적 통합 (Continuous integration)",
            "리팩터링 (Refactoring)",
            "팀 프로젝트 스프린트 (Team project sprint)",
        ),
        ("pdf", "zip", "md"),
    ),
)
